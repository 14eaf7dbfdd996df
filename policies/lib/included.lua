-- Is what is wanted part of what is there? For servers that add defaults to what they are given. Pure.
--
-- Objects may have more members there than are wanted. Lists have to be as long: in order, or, when they
-- hold nothing but texts and numbers and `sets` is given, in any order. Nothing, null and an empty table
-- are the same.

local M = {}

local function is_nothing(value)
  return value == nil or value == json.null or type(value) == "table" and next(value) == nil
end

local function same_set(wanted, there)
  local count = {}
  for _, value in ipairs(there) do
    count[value] = (count[value] or 0) + 1
  end
  for _, value in ipairs(wanted) do
    if type(value) == "table" or not count[value] or count[value] == 0 then
      return false
    end
    count[value] = count[value] - 1
  end
  return true
end

local function list_part(wanted, there, sets)
  if #wanted ~= #there then
    return false
  end
  if sets and type(wanted[1]) ~= "table" then
    return same_set(wanted, there)
  end
  for i = 1, #wanted do
    if not M.part(wanted[i], there[i], sets) then
      return false
    end
  end
  return true
end

-- wanted, there: plain tables, as json.decode or json.copy give them.
function M.part(wanted, there, sets)
  if is_nothing(wanted) then
    return is_nothing(there)
  elseif type(wanted) ~= "table" or type(there) ~= "table" then
    return wanted == there
  elseif #wanted > 0 or #there > 0 then
    return list_part(wanted, there, sets)
  end
  for key, value in pairs(wanted) do
    if not M.part(value, there[key], sets) then
      return false
    end
  end
  return true
end

return M
