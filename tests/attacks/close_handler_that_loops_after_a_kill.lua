-- outcome: killed
local mt = {}
local function spin() while true do end end
return { run = function()
  local object = setmetatable({}, mt)
  mt.__close = function() while true do pcall(spin) end end
  local a <close> = object
  local b <close> = object
  while true do end
end }
