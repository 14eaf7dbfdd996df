-- outcome: killed
-- turn_ms: 500
local function f(n) return 1 + f(n + 1) end
return { run = function() while true do pcall(f, 0) end end }
