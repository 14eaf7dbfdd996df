-- outcome: done
return { run = function()
  local piece, list = ("x"):rep(1 << 16), {}
  for i = 1, 2000 do list[i] = piece end
  local ok, text = pcall(table.concat, list)
  assert(not ok and text:find("table.concat", 1, true))
end }
