-- outcome: failed killed
return { run = function()
  local t = {}
  for i = 1, 70000 do t["k" .. i] = i end
  for _ in pairs(t) do end
end }
