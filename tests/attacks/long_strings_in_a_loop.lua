-- outcome: killed
return { run = function()
  local a = ("x"):rep(1 << 22)
  local b = a:sub(1, -2) .. "y"
  local n = 0
  while true do
    if a < b then n = n + 1 end
    n = n + utf8.len(a) + #a:upper() + #a:reverse()
    a:find("y", 1, true)
  end
end }
