-- outcome: killed
local t = setmetatable({}, {})
getmetatable(t).__index = function(self, key) return self[key] end
return { run = function() while true do pcall(function() return t.x end) end end }
