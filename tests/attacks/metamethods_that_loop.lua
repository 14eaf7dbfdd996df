-- outcome: killed
local function spin() while true do end end
local mt = { __eq = spin, __lt = spin, __le = spin, __concat = spin, __len = spin, __call = spin,
             __unm = spin, __add = spin, __newindex = spin, __index = spin }
return { run = function()
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  pcall(function() return a == b end)
  pcall(function() return a < b end)
  pcall(function() return a .. b end)
  pcall(function() return #a end)
  pcall(a)
end }
