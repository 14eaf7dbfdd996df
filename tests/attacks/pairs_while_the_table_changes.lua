-- outcome: done
return { run = function()
  local t = { a = 1, b = 2, c = 3, 10, 20, 30 }
  for key in pairs(t) do
    for other in pairs(t) do if other ~= key then t[other] = nil end end
    for i = 1, 100 do t["new" .. i] = ("s"):rep(100) .. i end
  end
  local step, state = pairs({ 1, 2 })
  for _ = 1, 10 do step(state, "nonsense") step() end
end }
