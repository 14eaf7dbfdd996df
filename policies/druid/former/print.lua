-- Prints an object as the former operator does: fields in the order of their type, empty ones left out or
-- spelled out as Go does it, quantities in their shortest form. Pure.
--
-- `object` gives the text, or nil when something in it cannot be told (a quantity out of the ordinary).

local config_sha = require "druid.render.config_sha"
local tables = require "lib.tables"
local types = require "druid.former.types"

local M = {}

-- Quantities --------------------------------------------------------------------------------------

local decimal = { n = -9, u = -6, m = -3, [""] = 0, k = 3, M = 6, G = 9, T = 12, P = 15, E = 18 }
local binary = { Ki = 1, Mi = 2, Gi = 3, Ti = 4, Pi = 5, Ei = 6 }
local decimal_names, binary_names = {}, { [0] = "" }
for name, exponent in pairs(decimal) do decimal_names[exponent] = name end
for name, power in pairs(binary) do binary_names[power] = name end

-- mantissa × 10^exponent with a suffix for a multiple of three. scientific: "3e6" in place of "3M".
local function in_tens(mantissa, exponent, scientific)
  if mantissa == 0 then
    return "0"
  end
  while mantissa % 10 == 0 do
    mantissa, exponent = mantissa // 10, exponent + 1
  end
  while exponent % 3 ~= 0 do
    mantissa, exponent = mantissa * 10, exponent - 1
  end
  if scientific then
    return mantissa .. (exponent == 0 and "" or "e" .. exponent)
  end
  local suffix = decimal_names[exponent]
  return suffix and mantissa .. suffix or nil
end

-- A quantity as the server writes it: "1024Mi" is "1Gi", 0.5 is "500m". nil when it cannot be told.
function M.quantity(value)
  local sign, whole, fraction, suffix = tostring(value):match("^%s*([+-]?)(%d*)%.?(%d*)([%a%d+-]*)%s*$")
  if not whole or #whole + #fraction == 0 or #whole + #fraction > 15 then
    return nil
  end
  local mantissa, exponent = math.tointeger(tonumber(whole .. fraction)), -#fraction
  if sign == "-" then
    mantissa = -mantissa
  end
  local power = suffix:match("^[eE]([+-]?%d%d?)$")
  if power then
    return in_tens(mantissa, exponent + math.tointeger(tonumber(power)), true)
  elseif decimal[suffix] then
    return in_tens(mantissa, exponent + decimal[suffix])
  elseif not binary[suffix] then
    return nil
  end
  local scale, parts = 1 << 10 * binary[suffix], math.tointeger(10 ^ #fraction)
  if math.abs(mantissa) > math.maxinteger // scale or mantissa * scale % parts ~= 0 then
    return nil
  end
  local bytes, times = mantissa * scale // parts, 0
  if math.abs(bytes) < 1024 then
    return in_tens(bytes, 0)
  end
  while bytes % 1024 == 0 do
    bytes, times = bytes // 1024, times + 1
  end
  return bytes .. binary_names[times]
end

-- Values ------------------------------------------------------------------------------------------

local print_value

local function print_integer(value)
  local number = math.tointeger(tonumber(value))
  return number and tostring(number)
end

local function print_quantity(value)
  local text = M.quantity(value or 0)
  return text and '"' .. text .. '"'
end

local scalars = {
  s = function(value) return config_sha.text(value or "") end,
  i = function(value) return print_integer(value or 0) end,
  b = function(value) return value and "true" or "false" end,
  I = function(value) return type(value) == "string" and config_sha.text(value) or print_integer(value or 0) end,
  Q = print_quantity,
  T = function() return "null" end,
}

local zero = { s = "", i = 0, b = false }

local function is_left_out(kind, value)
  local first = kind:sub(1, 1)
  if first == "*" then
    return value == nil
  elseif first == "[" or first == "{" then
    return value == nil or next(value) == nil
  end
  return zero[kind] ~= nil and (value == nil or value == zero[kind])
end

local function print_struct(name, value)
  local parts = {}
  for _, field in ipairs(types.shape(name)) do
    local have = value[field.name]
    if have == json.null then
      have = nil
    end
    if not (field.optional and is_left_out(field.kind, have)) then
      local text = print_value(field.kind, have)
      if not text then
        return nil
      end
      parts[#parts + 1] = '"' .. field.name .. '":' .. text
    end
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function print_list(kind, value)
  local parts = {}
  for i, item in ipairs(value) do
    parts[i] = print_value(kind, item)
    if not parts[i] then
      return nil
    end
  end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function print_map(kind, value)
  local parts = {}
  for i, key in ipairs(tables.keys(value)) do
    local text = print_value(kind, value[key])
    if not text then
      return nil
    end
    parts[i] = config_sha.text(key) .. ":" .. text
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function print_value(kind, value)
  if scalars[kind] then
    return scalars[kind](value)
  end
  local first, rest = kind:sub(1, 1), kind:sub(2)
  if first ~= "*" and first ~= "[" and first ~= "{" then
    return print_struct(kind, value or {})
  elseif value == nil then
    return "null"
  elseif first == "*" then
    return print_value(rest, value)
  end
  return (first == "[" and print_list or print_map)(rest, value)
end

-- kind: the name of its type, "StatefulSet" or "Deployment".
function M.object(kind, object)
  return print_struct(kind, object)
end

return M
