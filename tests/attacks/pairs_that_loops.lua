-- outcome: killed
return { run = function()
  local x = setmetatable({}, { __pairs = function() return function() return 1 end end })
  for _ in pairs(x) do end
end }
