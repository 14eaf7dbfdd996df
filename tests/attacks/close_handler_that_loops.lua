-- outcome: killed
local mt = {}
return { run = function()
  local object = setmetatable({}, mt)
  mt.__close = function() while true do end end -- added behind setmetatable's back
  local guard <close> = object
end }
