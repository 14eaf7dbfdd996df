-- What is wrong with an object, and how it is told to a person. Pure.
--
-- A problem is { field =, message =, remedy = }: where, what, and what to do about it.

local tables = require "lib.tables"

local M = {}

-- A list, and the function add(field, message, remedy) that appends to it.
function M.list()
  local list = {}
  return list, function(field, message, remedy)
    list[#list + 1] = { field = field, message = message, remedy = remedy }
  end
end

M.cut = "nemeton.dev/unreadable"   -- annotation that the runtime puts on an object of which it had to leave a part out

-- Tells of such a part; true when the object is whole. Of the rest nothing may be made.
function M.is_whole(object, add)
  local field = tables.dig(object, "metadata", "annotations", M.cut)
  if not field then
    return true
  end
  add(field, "is nested too deeply to be read", "write it with fewer than 100 levels")
  return false
end

-- Names and values may have anything in them; what is told is one line.
local function visible(text)
  return (text:gsub("%c", function(c)
    return c == "\n" and "\\n" or c == "\t" and "\\t" or string.format("\\u%04x", c:byte())
  end))
end

-- One problem as a sentence.
function M.sentence(problem)
  return visible(problem.field .. " " .. problem.message .. "; " .. problem.remedy)
end

-- All of them in one line: the first as a sentence, the rest as a number.
function M.line(list)
  local text = M.sentence(list[1])
  if #list > 1 then
    text = text .. string.format(" (and %d more)", #list - 1)
  end
  return text
end

return M
