-- outcome: failed
return { run = function()
  return setmetatable({}, { __index = function() while true do end end })
end }
