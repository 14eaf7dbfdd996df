-- outcome: failed
-- text: stack overflow
local t = setmetatable({}, {})
getmetatable(t).__index = function(self, key) return self[key] end
return { run = function() return t.x end }
