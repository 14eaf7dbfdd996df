-- The libraries that policies see, against what the manual and policies/README.md promise.
-- Run by script_library_test.c through policy_test.
local M = {}

M["finds as the manual says"] = function(t)
  t.equal({ ("hello world"):find("o w") }, { 5, 7 })
  t.equal({ ("hello"):find("l") }, { 3, 3 })
  t.equal({ ("hello"):find("xyz") }, { nil })
  t.equal({ ("hello"):find("") }, { 1, 0 })
  t.equal({ ("hello"):find("", 10) }, { nil })
  t.equal({ ("hello"):find("", 6) }, { 6, 5 })
  t.equal({ ("a.b"):find(".", 1, true) }, { 2, 2 })
  t.equal({ ("hello"):find("l+") }, { 3, 4 })
  t.equal({ ("hello"):find("(l)(l)") }, { 3, 4, "l", "l" })
  t.equal({ ("hello"):find("()ll()") }, { 3, 4, 3, 5 })
  t.equal({ ("hello"):find("l", -2) }, { 4, 4 })
  t.equal({ ("hello"):find("^h") }, { 1, 1 })
  t.equal({ ("hello"):find("^e") }, { nil })
  t.equal({ ("hello"):find("o$") }, { 5, 5 })
  t.equal({ ("a\0b"):find("\0") }, { 2, 2 })
end

M["matches classes, sets, balances, frontiers and back references"] = function(t)
  t.equal(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), "key")
  t.equal(select(2, ("key = value"):match("^(%w+)%s*=%s*(%w+)$")), "value")
  t.equal(("2026-01-31"):match("(%d+)-(%d+)"), "2026")
  t.equal(("f(a(b)c)d"):match("%b()"), "(a(b)c)")
  t.equal(("THE (quick) fox"):find("%f[%a]%a+%f[%A]"), 1)
  t.equal(("THE (quick) fox"):match("%f[%l]%a+"), "quick")
  t.equal(("say 'hi' now"):match("(['\"])(.-)%1"), "'")
  t.equal(("x]y"):match("[]]"), "]")
  t.equal(("x-y"):match("[x%-]+"), "x-")
  t.equal(("x-y"):match("[^x]+"), "-y")
  t.equal(("abc"):match("[a-]+"), "a")
  t.equal(("1.5Gi"):match("^([%d.]+)(%a*)$"), "1.5")
  t.equal(("  trim  "):match("^%s*(.-)%s*$"), "trim")
  t.equal(("aXb"):match("%u"), "X")
  t.equal(("abc"):match("a-b"), "ab")
  t.equal(("aaa"):match("^a-$"), "aaa")
  t.equal(("ac"):match("ab?c"), "ac")
  t.equal(("abc"):match("ab?c"), "abc")
  t.equal(("%d"):match("%%d"), "%d")
  t.equal(("x"):match("()"), 1)
end

M["substitutes with strings, tables and functions"] = function(t)
  t.equal({ ("hello world"):gsub("o", "0") }, { "hell0 w0rld", 2 })
  t.equal({ ("hello world"):gsub("o", "0", 1) }, { "hell0 world", 1 })
  t.equal({ ("hello"):gsub("", "-") }, { "-h-e-l-l-o-", 6 })
  t.equal({ ("abc"):gsub("%w", "%0%0") }, { "aabbcc", 3 })
  t.equal({ ("hello world"):gsub("(%w+) (%w+)", "%2 %1") }, { "world hello", 1 })
  t.equal({ ("$name is $age"):gsub("%$(%w+)", { name = "x", age = 3 }) }, { "x is 3", 2 })
  t.equal({ ("$name"):gsub("%$(%w+)", {}) }, { "$name", 1 })
  t.equal({ ("abc"):gsub("b", function(c) return c:upper() end) }, { "aBc", 1 })
  t.equal({ ("abc"):gsub("b", function() return false end) }, { "abc", 1 })
  t.equal({ ("abc"):gsub("^a", "x") }, { "xbc", 1 })
  t.equal({ ("aaa"):gsub("^a", "x") }, { "xaa", 1 })
  t.equal({ ("a,b,,c"):gsub(",", ";") }, { "a;b;;c", 3 })
  t.equal({ ("abc d"):gsub("%w*", "x") }, { "x x", 2 })
  t.equal({ ("100%"):gsub("%%", "%%%%") }, { "100%%", 1 })
  t.fails(function() return ("a"):gsub("a", "%") end, "invalid use")
end

M["walks all matches"] = function(t)
  local words = {}
  for word in ("one two  three"):gmatch("%a+") do words[#words + 1] = word end
  t.equal(words, { "one", "two", "three" })
  local pairs_found = {}
  for key, value in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do pairs_found[key] = value end
  t.equal(pairs_found, { a = "1", b = "2" })
  local count = 0
  for _ in ("abc"):gmatch("") do count = count + 1 end
  t.equal(count, 4)
end

M["formats without addresses"] = function(t)
  t.equal(("%5.2f|%d|%s|%q|%x|%-4s|%%"):format(3.14159, 42, "x", "a\n", 255, "ab"),
    " 3.14|42|x|\"a\\\n\"|ff|ab  |%")
  t.equal(("%s %s %s"):format(nil, true, {}), "nil true table")
  t.equal(("%s"):format(setmetatable({}, { __tostring = function() return "me" end })), "me")
  t.fails(function() return ("%p"):format({}) end, "differ from run to run")
  t.equal(tostring(print), "function")
  t.equal(tostring(1), "1")
  t.equal(tostring(1.5), "1.5")
end

M["repeats within bounds"] = function(t)
  t.equal(("ab"):rep(3), "ababab")
  t.equal(("ab"):rep(2, ","), "ab,ab")
  t.equal(("ab"):rep(0), "")
  t.equal(("ab"):rep(1, ","), "ab")
end

M["table functions use raw lengths and take views of lists"] = function(t)
  local list = { 1, 2, 4 }
  table.insert(list, 3, 3)
  table.insert(list, 5)
  t.equal(list, { 1, 2, 3, 4, 5 })
  t.equal(table.remove(list), 5)
  t.equal(table.remove(list, 1), 1)
  t.equal(list, { 2, 3, 4 })
  t.equal(table.concat({ 1, "a", 2.5 }, "-"), "1-a-2.5")
  t.equal(table.concat({}, "-"), "")
  t.equal(table.concat({ "a", "b", "c" }, ",", 2, 3), "b,c")
  t.equal({ table.unpack({ 1, 2, 3 }, 2) }, { 2, 3 })
  t.equal(table.pack(1, nil, 3).n, 3)
  t.equal(table.move({ 1, 2, 3 }, 2, 3, 1), { 2, 3, 3 })
  t.equal(table.move({ 1, 2, 3 }, 1, 3, 2), { 1, 1, 2, 3 })
  t.equal(table.move({ 1, 2 }, 1, 2, 3, { 9, 9 }), { 9, 9, 1, 2 })
end

M["sorts stably"] = function(t)
  local list = { "b", "c", "a" }
  table.sort(list)
  t.equal(list, { "a", "b", "c" })
  table.sort(list, function(a, b) return a > b end)
  t.equal(list, { "c", "b", "a" })
  local rows = {}
  for i = 1, 100 do rows[i] = { key = i % 3, at = i } end
  table.sort(rows, function(a, b) return a.key < b.key end)
  for i = 2, 100 do
    local a, b = rows[i - 1], rows[i]
    t.ok(a.key < b.key or (a.key == b.key and a.at < b.at))
  end
  local one = { 1 }
  table.sort(one)
  t.equal(one, { 1 })
  t.fails(function() table.sort({ 1, "a" }) end, "attempt to compare")
end

M["pairs visits the array, then sorted keys"] = function(t)
  local seen = {}
  for key in pairs({ z = 1, a = 2, [10] = 3, "x", "y", [2.5] = 4, [true] = 5, m = 6 }) do
    seen[#seen + 1] = tostring(key)
  end
  t.equal(table.concat(seen, " "), "1 2 2.5 10 a m z true")
  t.equal(next({}), nil)
  t.ok(next({ a = 1 }) == "a")
  t.ok(next({ 5 }) == 1)
  t.fails(function() next({}, "a") end, "use pairs")
  t.fails(function() for _ in pairs({ [{}] = 1 }) do break end end, "no place in a fixed order")
  local custom = setmetatable({}, { __pairs = function() return ipairs({ 7 }) end })
  for _, value in pairs(custom) do t.equal(value, 7) end
end

M["pairs does the same for few keys and for many"] = function(t)
  for _, count in ipairs({ 0, 1, 2, 31, 32, 33, 100 }) do
    local map, wanted, seen = { "x", "y", "z" }, { "1", "2", "3" }, {}
    for i = count, 1, -1 do
      map[string.format("key-%03d", i) .. ("-"):rep(i)] = i
    end
    for i = 1, count do
      wanted[#wanted + 1] = string.format("key-%03d", i) .. ("-"):rep(i)
    end
    for key in pairs(map) do
      seen[#seen + 1] = tostring(key)
      local inner = 0
      for _ in pairs(map) do inner = inner + 1 end
      t.equal(inner, 3 + count)
    end
    t.equal(seen, wanted, count .. " keys")
    seen = {}
    for key, value in pairs(map) do   -- what is removed meanwhile is not visited, what is changed is
      seen[#seen + 1] = value
      if key == 3 then map[wanted[4] or 4], map[wanted[5] or 4] = nil, count > 1 and "changed" or nil end
    end
    t.equal({ #seen, seen[4] }, { 3 + math.max(count - 1, 0), count > 1 and "changed" or nil }, count .. " keys")
    local first = {}
    for i = 4, #wanted do first[wanted[i]] = true end
    t.equal(next(first), wanted[4])
  end
end

M["pcall returns what it should"] = function(t)
  local ok, text = pcall(error, "x")
  t.equal({ ok, text }, { false, "x" })
  t.equal({ pcall(function(...) return ... end, 1, 2) }, { true, 1, 2 })
  local ok2, object = pcall(error, { code = 7 })
  t.ok(not ok2 and object.code == 7)
  t.equal(select("#", pcall(function() return nil, nil end)), 3)
end

M["json keeps integers, empties and null"] = function(t)
  local text = '{"a":[],"b":{},"c":9007199254740993,"d":1.5,"e":null,"f":"\\u0000x","g":-0.1}'
  t.equal(json.encode(json.decode(text)), text)
  t.ok(math.type(json.decode("[1]")[1]) == "integer")
  t.ok(json.decode('{"a":null}').a == json.null)
  t.equal(json.encode({ b = 1, a = json.array{}, c = json.object{} }), '{"a":[],"b":1,"c":{}}')
  t.equal(json.encode({ 1, 2, { x = true } }), '[1,2,{"x":true}]')
  t.equal(json.encode("x"), '"x"')
  t.equal(json.encode(math.mininteger), "-9223372036854775808")
  t.equal(json.encode(0.1), "0.1")
  local list = json.decode("[1]")
  table.remove(list)
  t.equal(json.encode(list), "[]")
  local object = json.decode('{"a":1}')
  object.a = nil
  t.equal(json.encode(object), "{}")
end

M["json errors name the path"] = function(t)
  t.fails(function() json.encode({ spec = { ports = { {}, } } }) end,
    "json.encode: spec.ports%[1%]: an empty table must be json.array{} or json.object{}")
  t.fails(function() json.encode({ data = { ["a.b"] = 0 / 0 } }) end, 'data%["a.b"%]: NaN')
  t.fails(function() json.encode({ 1, nil, 3 }) end, "hole")
  t.fails(function() json.encode({ 1, x = 2 }) end, 'an array has the key "x" as well')
  t.fails(function() json.encode({ [3.5] = 2 }) end, "a key of type number")
  t.fails(function() json.encode({ f = print }) end, "f: a value of type function")
  t.fails(function() json.encode({ s = "\xff" }) end, "s: a string is not valid UTF%-8")
  t.fails(function() json.encode({ ["\xff"] = 1 }) end, "a key is not valid UTF%-8")
  local deep = {}
  for _ = 1, 200 do deep = { deep } end
  t.fails(function() json.encode(deep) end, "nested deeper")
  local value, err = json.decode("{")
  t.ok(value == nil and err.code == "parse" and err.message)
end

M["json.equal compares exactly unless an empty table does not say what it is"] = function(t)
  t.ok(json.equal({ a = { 1, 2 } }, { a = { 1, 2.0 } }))
  t.ok(not json.equal({ a = 1 }, { a = 2 }))
  t.ok(not json.equal(json.array{}, json.object{}))
  t.ok(json.equal({}, json.object{}) and json.equal({}, json.array{}) and json.equal({}, {}))
  t.ok(json.equal({ a = {} }, { a = json.array{} }))
  t.ok(not json.equal({}, { 1 }) and not json.equal(nil, {}) and json.equal(nil, nil))
  t.ok(json.equal(1, 1.0) and not json.equal(1, "1"))
end

M["cjson reads other people's JSON"] = function(t)
  local value = cjson.decode('{"a":[1,2.5,null],"b":"x"}')
  t.ok(value.a[1] == 1 and math.type(value.a[1]) == "integer" and value.a[2] == 2.5)
  t.ok(value.a[3] == cjson.null and cjson.null == json.null)
  t.equal(cjson.encode({ 1, 2 }), "[1,2]")
  t.fails(function() cjson.decode("{") end, "Expected")
end

M["yaml goes both ways"] = function(t)
  local value = yaml.decode("a: 1\nb: [x, 'yes', yes]\nc: {}\nd:\n  - e: 1.5\n")
  t.equal(value, { a = 1, b = { "x", "yes", true }, c = {}, d = { { e = 1.5 } } })
  t.equal(yaml.decode(yaml.encode(value)), value)
  t.equal(#yaml.decode_all("a: 1\n---\nb: 2\n"), 2)
  t.fails(function() yaml.decode("a: 1\n---\nb: 2\n") end, "decode_all")
  local nothing, err = yaml.decode("a: [")
  t.ok(nothing == nil and err.message)
end

M["clock reads and writes times"] = function(t)
  t.equal(clock.now(), 1700000000)
  t.equal(clock.now_ms(), 1700000000000)
  t.equal(clock.rfc3339(), "2023-11-14T22:13:20Z")
  t.equal(clock.rfc3339(0), "1970-01-01T00:00:00Z")
  t.equal(clock.parse("1970-01-01T00:00:00Z"), 0)
  t.equal(clock.parse("2023-11-14T22:13:20Z"), 1700000000)
  t.equal(clock.parse("2023-11-14T22:13:20.123456Z"), 1700000000)
  t.equal(clock.parse("2023-11-15T00:13:20+02:00"), 1700000000)
  t.equal(clock.parse("2024-02-29T12:00:00Z"), 1709208000)
  t.equal(clock.parse("1969-12-31T23:59:59Z"), -1)
  for _, text in ipairs{ "", "x", "2023-11-14", "2023-13-14T22:13:20Z", "2023-11-14T22:13:20",
                         "2023-11-14T22:13:20+02", "2023-11-14T22:13:20Zx" } do
    local value, err = clock.parse(text)
    t.ok(value == nil and err.code == "parse", text)
  end
end

M["digests"] = function(t)
  t.equal(digest.sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
  t.equal(digest.sha1_base64("abc"), "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=")
  t.equal(digest.fnv1_32(""), 2166136261)
  t.equal(digest.base64("hi"), "aGk=")
  t.equal(digest.base64_decode("aGk="), "hi")
  t.ok(digest.base64_decode("!") == nil)
end

M["random comes from its door"] = function(t)
  for _ = 1, 100 do
    local n = random.int(3, 5)
    t.ok(n >= 3 and n <= 5)
    local r = math.random(2)
    t.ok(r == 1 or r == 2)
    t.ok(math.random() < 1)
  end
  t.equal(#random.suffix(5), 5)
  t.ok(random.suffix(20):match("^[b-z2-9]+$"))
  t.ok(math.random(math.mininteger, math.maxinteger))
  t.fails(function() random.int(2, 1) end, "empty")
end

M["globals are frozen and known"] = function(t)
  t.fails(function() undefined_name = 1 end, "globals are frozen: declare `local undefined_name`")
  t.fails(function() return undefined_name end, "unknown global 'undefined_name'")
  t.fails(function() string.rep = nil end, "'string' is read%-only")
  t.equal(_VERSION, "Lua 5.4")
end

M["effects are refused outside a run"] = function(t)
  t.fails(function() kube.get{ apiVersion = "v1", kind = "Pod", name = "x" } end, "only inside a run")
  t.fails(function() http.request{ url = "http://x" } end, "only inside a run")
end

M["the test helpers themselves fail in words"] = function(t)
  t.equal(t.fails(function() t.equal({ a = { 1, 2 } }, { a = { 1, 3 } }) end):match(": (.*)$"),
    "at a[2]: got 2, wanted 3")
  t.fails(function() t.equal("x", "y", "label") end, 'label: got "x", wanted "y"')
  t.fails(function() t.equal(nil, { 1 }) end, "got nil, wanted table")
  t.fails(function() t.equal({ a = 1 }, { a = 1, b = 2 }) end, "at b: got nothing, wanted 2")
  t.fails(function() t.ok(false) end, "got false")
  t.fails(function() t.ok(nil, "why") end, "why")
  t.fails(function() t.fails(function() end) end, "did not fail")
  t.fails(function() t.fails(function() error("a") end, "zzz") end, "not with")
end

return M
