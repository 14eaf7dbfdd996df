-- outcome: done
return { run = function()
  local t = {}
  for i = 1, 2000 do t[i] = i end
  table.sort(t, function() return true end)
  table.sort(t, function() return false end)
  assert(#t == 2000)
end }
