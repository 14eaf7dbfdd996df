-- outcome: killed
return { run = function()
  local t = {}
  for i = 1, 60000 do t[i] = (i * 7919) % 60000 end
  while true do pcall(table.sort, t, function(a, b) return a > b end) end
end }
