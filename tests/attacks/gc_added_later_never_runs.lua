-- outcome: done
return { run = function()
  local mt = {}
  setmetatable({}, mt)
  mt.__gc = function() while true do end end
  for _ = 1, 20000 do local _ = { {} } end
  assert(not pcall(setmetatable, {}, mt))
end }
