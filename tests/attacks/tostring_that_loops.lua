-- outcome: killed
return { run = function()
  local x = setmetatable({}, { __tostring = function() while true do end end })
  pcall(log.info, x)
  pcall(string.format, "%s", x)
  pcall(tostring, x)
  pcall(print, x)
end }
