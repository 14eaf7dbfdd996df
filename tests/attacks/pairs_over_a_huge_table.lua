-- outcome: failed
-- text: pairs: more than
return { run = function()
  local t = {}
  for i = 1, 70000 do t["k" .. i] = i end
  for _ in pairs(t) do end
end }
