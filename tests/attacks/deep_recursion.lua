-- outcome: failed killed
local function f(n) return 1 + f(n + 1) end
return { run = function() return f(0) end }
