-- outcome: failed
-- text: (at policies/attack.lua:
local M = {}
local function f() return (string.gsub("a", "a", f)) end
function M.run()
  return f()
end
return M
