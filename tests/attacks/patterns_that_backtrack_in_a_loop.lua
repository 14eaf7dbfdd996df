-- outcome: killed
return { run = function()
  local as = ("a"):rep(3000)
  while true do pcall(string.find, as, ".-.-.-.-.-.-b") end
end }
