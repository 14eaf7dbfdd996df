-- outcome: killed
local function f() return f() end
return { run = f }
