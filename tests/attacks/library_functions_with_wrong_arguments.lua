-- outcome: done
-- Every function there is, with arguments nobody would give: none may crash or hang.
return { run = function()
  local huge, odd = math.maxinteger, setmetatable({}, {})
  local values = { false, 0, -1, huge, math.mininteger, 0 / 0, 1 / 0, "", "%", "x", print, {}, odd,
                   json.null, json.array{}, { {} }, ("y"):rep(100) }
  local names = {
    string = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
               "reverse", "sub", "upper" },
    table = { "concat", "insert", "move", "pack", "remove", "sort", "unpack" },
    utf8 = { "char", "codepoint", "codes", "len", "offset" },
    json = { "array", "copy", "decode", "encode", "equal", "object" },
    cjson = { "decode", "encode" }, yaml = { "decode", "decode_all", "encode" },
    digest = { "base64", "base64_decode", "fnv1_32", "sha1_base64", "sha256" },
    random = { "int", "suffix" }, clock = { "now", "parse", "rfc3339" },
    math = { "abs", "random", "tointeger", "fmod", "max" },
  }
  local libs = { string = string, table = table, utf8 = utf8, json = json, cjson = cjson,
                 yaml = yaml, digest = digest, random = random, clock = clock, math = math }
  local count = 0
  for lib, list in pairs(names) do
    for _, name in ipairs(list) do
      local f = libs[lib][name]
      assert(f, name)
      for i = 1, #values do
        pcall(f, values[i])
        pcall(f, values[i], values[(i * 5) % #values + 1])
        pcall(f, values[i], values[(i * 7) % #values + 1], values[(i * 3) % #values + 1])
        pcall(f, values[10], values[i], values[(i * 11) % #values + 1], values[i])
        count = count + 4
      end
    end
  end
  assert(count > 2000)
end }
