-- Is what is wanted part of what is there? For servers that add defaults to what they are given. Pure.
--
-- Objects may have more members there than are wanted. Lists have to be as long, in order. Nothing, null and
-- an empty table are the same. options.sets: lists of nothing but texts and numbers in any order.
-- options.loose: the ways in which Druid writes a specification out: "day" as "DAY", "none" as { type = "none" },
-- a dimension's name as { name =, type = }, PT1H as PT3600S.

local duration = require "lib.duration"

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

local function list_part(wanted, there, options)
  if #wanted ~= #there then
    return false
  end
  if options.sets and type(wanted[1]) ~= "table" then
    return same_set(wanted, there)
  end
  for i = 1, #wanted do
    if not M.part(wanted[i], there[i], options) then
      return false
    end
  end
  return true
end

local function written_out(text, there)
  if type(there) == "table" then
    return there.name == text or there.name == nil and (there.type == text or there.type == text:lower())
  end
  return there == text:upper() or type(there) == "string" and there:find("^P") ~= nil and duration.iso(there) ~= nil
    and duration.iso(there) == duration.iso(text)
end

-- wanted, there: plain tables, as json.decode or json.copy give them.
function M.part(wanted, there, options)
  options = options or {}
  if is_nothing(wanted) then
    return is_nothing(there)
  elseif options.loose and type(wanted) == "string" and wanted ~= there then
    return written_out(wanted, there)
  elseif type(wanted) ~= "table" or type(there) ~= "table" then
    return wanted == there
  elseif #wanted > 0 or #there > 0 then
    return list_part(wanted, there, options)
  end
  for key, value in pairs(wanted) do
    if not M.part(value, there[key], options) then
      return false
    end
  end
  return true
end

return M
