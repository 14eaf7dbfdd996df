-- outcome: killed
return { run = function()
  local list
  while true do local was = list list = function() return was end end
end }
