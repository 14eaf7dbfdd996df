-- Kubernetes quantities ("500m", "2Gi", 1.5): read and compare by value. Pure.
--
-- The API server rewrites quantities (1024Mi becomes 1Gi), so they are never compared as text.
-- Values are floats: exact for everything people write, and only ever compared.

local M = {}

local factors = {
  [""] = 1, n = 1e-9, u = 1e-6, m = 1e-3, k = 1e3, M = 1e6, G = 1e9, T = 1e12, P = 1e15, E = 1e18,
  Ki = 2^10, Mi = 2^20, Gi = 2^30, Ti = 2^40, Pi = 2^50, Ei = 2^60,
}

-- The value as a number, or nil and what is wrong with it.
function M.parse(value)
  if type(value) == "number" then
    return value + 0.0
  end
  if type(value) ~= "string" then
    return nil, "is not a quantity"
  end
  local digits, suffix = value:match("^([+-]?%d*%.?%d*)(.*)$")
  if not digits or not digits:find("%d") then
    return nil, "\"" .. value .. "\" is not a quantity"
  end
  local exponent = suffix:match("^[eE]([+-]?%d+)$")
  local number = tonumber(digits)
  if exponent and #exponent <= 3 then
    return number * 10.0 ^ tonumber(exponent)
  end
  local factor = factors[suffix]
  if not factor then
    return nil, "\"" .. value .. "\" is not a quantity: unknown unit \"" .. suffix .. "\""
  end
  -- Division keeps 100m equal to 0.1; multiplication by 1e-3 would not.
  if factor < 1 then
    return number / math.floor(1 / factor + 0.5)
  end
  return number * factor
end

-- Equal in value; things that are no quantities are never equal.
function M.equal(a, b)
  local x, y = M.parse(a), M.parse(b)
  return x ~= nil and x == y
end

-- True when a is the smaller one; nil when either is no quantity.
function M.less(a, b)
  local x, y = M.parse(a), M.parse(b)
  if x == nil or y == nil then
    return nil
  end
  return x < y
end

-- A number as the text that means the same. Servers before 1.21 take quantities only as texts in what is
-- applied; people write `cpu: 2`.
function M.text(value)
  if type(value) ~= "number" then
    return value
  end
  return math.type(value) == "integer" and tostring(value) or json.encode(value)
end

-- Whether there is a number at a place. A place is { "limits", "*" }; * is each entry.
local function has_number(part, place, i)
  if i > #place then
    return type(part) == "number"
  elseif type(part) ~= "table" or part == json.null then
    return false
  end
  local step = place[i]
  if step ~= "*" then
    return has_number(part[step], place, i + 1)
  end
  for at = 1, #part do
    if has_number(part[at], place, i + 1) then
      return true
    end
  end
  if #part > 0 then
    return false
  end
  for _, item in pairs(part) do
    if has_number(item, place, i + 1) then
      return true
    end
  end
  return false
end

local function replace(part, place, i)
  if i > #place then
    return M.text(part)
  elseif type(part) ~= "table" or part == json.null or next(part) == nil then
    return part
  end
  local copy, step = {}, place[i]
  for key, item in pairs(part) do
    copy[key] = (step == "*" or step == key) and replace(item, place, i + 1) or item
  end
  return copy
end

-- The same value, with texts for the numbers at the places; a copy where there is one.
function M.with_texts(value, places)
  for _, place in ipairs(places) do
    if has_number(value, place, 1) then
      value = replace(value, place, 1)
    end
  end
  return value
end

local resources = { { "limits", "*" }, { "requests", "*" } }

-- Requests and limits, of a container or a claim.
function M.resources(block)
  return block and M.with_texts(block, resources)
end

return M
