-- What is wrong with an object, and how it is told to a person. Pure.
--
-- A problem is { field =, message =, remedy = }: where, what, and what to do about it.

local M = {}

-- A list, and the function add(field, message, remedy) that appends to it.
function M.list()
  local list = {}
  return list, function(field, message, remedy)
    list[#list + 1] = { field = field, message = message, remedy = remedy }
  end
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
