-- Reads durations: "1h30m" as Go writes them, "PT1H30M" as Java does. Pure.

local M = {}

local go_units = { h = 3600, m = 60, s = 1, ms = 0.001 }
local iso_units = { D = 86400, H = 3600, M = 60, S = 1 }

-- Seconds of "1h", "90s", "1h30m", "500ms" or a plain number of seconds; nil for anything else.
function M.seconds(text)
  if math.type(text) == "integer" then
    return text >= 0 and text or nil
  elseif type(text) ~= "string" then
    return nil
  elseif text == "0" then
    return 0
  end
  local total, rest = 0, text
  while rest ~= "" do
    local number, unit, tail = rest:match("^(%d+%.?%d*)(%a+)(.*)$")
    if not number or not go_units[unit] then
      return nil
    end
    total = total + tonumber(number) * go_units[unit]
    rest = tail
  end
  return text ~= "" and math.ceil(total) or nil
end

-- Seconds of "PT60S", "PT1H30M", "P1DT2H"; nil for anything else.
function M.iso(text)
  local days, times = text:match("^P(%d*D?)T?(.*)$")
  if not days then
    return nil
  end
  local total, rest, any = 0, days .. times, false
  while rest ~= "" do
    local number, unit, tail = rest:match("^(%d+%.?%d*)(%u)(.*)$")
    if not number or not iso_units[unit] then
      return nil
    end
    total, rest, any = total + tonumber(number) * iso_units[unit], tail, true
  end
  return any and math.ceil(total) or nil
end

-- "45 s", "12 min", "2 h 5 min": for people.
function M.text(seconds)
  if seconds < 90 then
    return string.format("%d s", seconds)
  elseif seconds < 5400 then
    return string.format("%d min", (seconds + 30) // 60)
  end
  local minutes = (seconds + 30) // 60
  return minutes % 60 == 0 and string.format("%d h", minutes // 60)
    or string.format("%d h %d min", minutes // 60, minutes % 60)
end

return M
