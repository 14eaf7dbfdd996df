-- outcome: failed
-- text: loop
local t = setmetatable({}, {})
getmetatable(t).__index = t
return { run = function() return t.x end }
