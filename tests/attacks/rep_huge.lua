-- outcome: done
return { run = function()
  assert((""):rep(1 << 40) == "")
  assert(not pcall(string.rep, "x", 1 << 40))
  assert(not pcall(string.rep, "x", 1 << 62))
  assert(not pcall(string.rep, "", 1 << 40, "y"))
  assert(("ab"):rep(3, "-") == "ab-ab-ab")
end }
