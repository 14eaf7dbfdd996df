-- Runs the cases beside the policies in plain Lua: lua5.4 tests/policies/run.lua [ROOT] [PATTERN].
--
-- `nemeton test policies/` is what counts; this is for the seconds before there is a binary. The doors
-- that the operator gives to policies are played by small stand-ins; digests come from openssl.

local root = arg[1] or "policies"
package.path = root .. "/?.lua;" .. root .. "/?/init.lua"

-- json ------------------------------------------------------------------------------------------

local array_tag, object_tag = { tag = "array" }, { tag = "object" }
local null = setmetatable({}, { tag = "null" })
json = { null = null }
function json.array(t) return setmetatable(t, array_tag) end
function json.object(t) return setmetatable(t, object_tag) end

local function quote(text)
  return '"' .. text:gsub('[%z\1-\31"\\]', function(c)
    local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }
    return short[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

function json.encode(value, path)
  path = path or "$"
  if value == null then
    return "null"
  elseif type(value) == "string" then
    return quote(value)
  elseif type(value) == "number" then
    return math.type(value) == "integer" and tostring(value) or string.format("%.17g", value)
  elseif type(value) == "boolean" then
    return tostring(value)
  end
  assert(type(value) == "table", path .. ": " .. type(value) .. " cannot be encoded")
  local parts = {}
  if #value > 0 or getmetatable(value) == array_tag then
    for i, item in ipairs(value) do
      parts[i] = json.encode(item, path .. "." .. i)
    end
    for key in pairs(value) do
      assert(math.type(key) == "integer", path .. ": an array with the key " .. tostring(key))
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local keys = {}
  for key in pairs(value) do
    assert(type(key) == "string", path .. ": an object with the key " .. tostring(key))
    keys[#keys + 1] = key
  end
  assert(#keys > 0 or getmetatable(value) == object_tag, path .. ": an empty table must say what it is")
  table.sort(keys)
  for i, key in ipairs(keys) do
    parts[i] = quote(key) .. ":" .. json.encode(value[key], path .. "." .. key)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function skip(text, at)
  return text:find("%S", at) or #text + 1
end

local decode_value

local function decode_text(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = assert(text:find('["\\]', from), "string without end")
    parts[#parts + 1] = text:sub(from, stop - 1)
    if text:sub(stop, stop) == '"' then
      return table.concat(parts), stop + 1
    end
    local escape = text:sub(stop + 1, stop + 1)
    local known = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f" }
    if escape == "u" then
      parts[#parts + 1] = utf8.char(tonumber(text:sub(stop + 2, stop + 5), 16))
      from = stop + 6
    else
      parts[#parts + 1] = known[escape] or escape
      from = stop + 2
    end
  end
end

local function decode_list(text, at, close, make, item)
  local result = make({})
  at = skip(text, at + 1)
  if text:sub(at, at) == close then
    return result, at + 1
  end
  while true do
    at = item(result, skip(text, at))
    at = skip(text, at)
    local char = text:sub(at, at)
    if char == close then
      return result, at + 1
    end
    assert(char == ",", "expected , at " .. at)
    at = at + 1
  end
end

function decode_value(text, at)
  at = skip(text, at)
  local char = text:sub(at, at)
  if char == "{" then
    return decode_list(text, at, "}", json.object, function(result, from)
      local key, after = decode_text(text, from)
      after = skip(text, after)
      assert(text:sub(after, after) == ":", "expected : at " .. after)
      result[key], after = decode_value(text, after + 1)
      return after
    end)
  elseif char == "[" then
    return decode_list(text, at, "]", json.array, function(result, from)
      local value, after = decode_value(text, from)
      result[#result + 1] = value
      return after
    end)
  elseif char == '"' then
    return decode_text(text, at)
  end
  local word = text:match("^[%w%.%+%-]+", at) or error("no value at " .. at)
  local known = { ["true"] = true, ["false"] = false, null = null }
  local value = known[word]
  if value == nil then
    value = math.tointeger(tonumber(word)) or tonumber(word) or error("no value: " .. word)
  end
  return value, at + #word
end

function json.decode(text)
  return (decode_value(text, 1))
end

function json.copy(value)
  assert(value ~= nil, "json.copy: a value of type nil is not JSON")
  if type(value) ~= "table" or value == null then
    return value
  end
  local copy = setmetatable({}, getmetatable(value))
  for key, part in pairs(value) do
    copy[key] = json.copy(part)
  end
  return copy
end

function json.equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" or a == null or b == null then
    return a == b
  end
  for key, part in pairs(a) do
    if not json.equal(part, b[key]) then
      return false
    end
  end
  for key in pairs(b) do
    if a[key] == nil then
      return false
    end
  end
  return true
end

cjson = { decode = json.decode, encode = json.encode }

-- digest, clock -----------------------------------------------------------------------------------

local known = {}
local function openssl(arguments, text)
  local key = arguments .. text
  if not known[key] then
    local name = os.tmpname()
    local file = assert(io.open(name, "wb"))
    file:write(text)
    file:close()
    local pipe = assert(io.popen("openssl dgst " .. arguments .. " < " .. name))
    known[key] = pipe:read("a")
    pipe:close()
    os.remove(name)
  end
  return known[key]
end

local function base64(bytes)
  local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  return (bytes:gsub("..?.?", function(three)
    local a, b, c = three:byte(1, 3)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    local out = ""
    for i = 0, 3 do
      local at = n >> (18 - 6 * i) & 63
      out = out .. ((i <= #three) and letters:sub(at + 1, at + 1) or "=")
    end
    return out
  end))
end

-- Any text that differs when the input does will do, except where bytes are compared.
digest = {}
function digest.sha256(text)
  local sum = 0x4bf29ce484222325
  for i = 1, #text do
    sum = (sum ~ text:byte(i)) * 1099511628211
  end
  return string.format("%016x", sum):rep(4)
end
function digest.sha1_base64(text)
  return base64(openssl("-sha1 -binary", text))
end
function digest.fnv1_32(text)
  local sum = 0x811c9dc5
  for i = 1, #text do
    sum = (sum * 0x01000193 & 0xffffffff) ~ text:byte(i)
  end
  return sum
end
digest.base64 = base64

clock = { time = 1750000000 }
function clock.now() return clock.time end
function clock.rfc3339(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds or clock.time) end
function clock.parse(text)
  local y, mo, d, h, mi, s = (text or ""):match("^(%d+)%-(%d+)%-(%d+)T(%d+):(%d+):(%d+)Z$")
  if not y then
    return nil
  end
  local noon = os.time({ year = y, month = mo, day = d, hour = h, min = mi, sec = s })
  return noon + os.difftime(noon, os.time(os.date("!*t", noon)))
end

-- cases ---------------------------------------------------------------------------------------------

local function show(value)
  if type(value) ~= "table" then
    return tostring(value)
  end
  local ok, text = pcall(json.encode, value)
  return ok and text or tostring(value)
end

local t = {}
function t.equal(got, wanted)
  if not json.equal(got, wanted) then
    error("got " .. show(got) .. "\n        wanted " .. show(wanted), 2)
  end
end
function t.ok(value, text)
  if not value then
    error(text or "not so", 2)
  end
end
function t.fails(f, pattern)
  local ok, err = pcall(f)
  if ok or not tostring(err):find(pattern) then
    error("did not fail with " .. pattern .. ": " .. tostring(err), 2)
  end
end

local passed, failed = 0, 0
local pipe = assert(io.popen("cd " .. root .. " && find . -name '*_test.lua' -not -path './sandbox/*' | sort"))
for path in pipe:lines() do
  local module = path:gsub("^%./", ""):gsub("%.lua$", ""):gsub("/", ".")
  local cases = require(module)
  local names = {}
  for name in pairs(cases) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    if not arg[2] or (module .. " " .. name):find(arg[2], 1, true) then
      local ok, err = pcall(cases[name], t)
      if ok then
        passed = passed + 1
      else
        failed = failed + 1
        print("FAIL  " .. module .. ": " .. name .. "\n        " .. tostring(err))
      end
    end
  end
end
pipe:close()
print(passed .. " passed, " .. failed .. " failed")
os.exit(failed == 0)
