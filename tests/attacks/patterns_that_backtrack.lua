-- outcome: done
-- cpu_ms: 5000
local function refused(...)
  local ok, text = pcall(...)
  assert(not ok and text:find("steps", 1, true), text)
end
return { run = function()
  local as = ("a"):rep(3000)
  refused(string.find, as, ".-.-.-.-.-.-b")
  refused(string.find, ("a"):rep(28), ("a?"):rep(28) .. ("a"):rep(29))
  refused(string.match, ("a"):rep(200), "a*a*a*a*b")
  refused(string.gsub, as, ".-.-.-.-b", "")
  refused(function() for _ in as:gmatch(".-.-.-.-b") do end end)
end }
