-- outcome: failed killed
-- turn_ms: 500
local function f(n) return 1 + f(n + 1) end
return { run = function() return f(0) end }
