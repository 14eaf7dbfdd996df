-- JSON as text, for files that a server and the program read. `order` says in which order the keys go.

local M = {}

local is_list = {}

-- A list; needed where it may be empty.
function M.list(items)
  return setmetatable(items, is_list)
end

local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function quote(text)
  local quoted = text:gsub('[%z\1-\31"\\]', function(char)
    return short[char] or string.format("\\u%04x", char:byte())
  end)
  return '"' .. quoted:gsub("\u{2028}", "\\u2028") .. '"'   -- which breaks a line in YAML
end

function M.encode(value, order)
  if type(value) ~= "table" then
    return type(value) == "string" and quote(value) or tostring(value)
  end
  local parts = {}
  if #value > 0 or getmetatable(value) == is_list then
    for i, item in ipairs(value) do
      parts[i] = M.encode(item, order)
    end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  if order then
    order(keys)
  end
  for i, key in ipairs(keys) do
    parts[i] = quote(key) .. ":" .. M.encode(value[key], order)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

return M
