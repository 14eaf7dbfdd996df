-- outcome: done
return { run = function()
  local liar = setmetatable({}, { __len = function() return 1 << 60 end })
  assert(not pcall(table.move, {}, 1, 1 << 50, 2))
  assert(not pcall(table.move, {}, math.mininteger, math.maxinteger, 2))
  assert(not pcall(table.concat, {}, "", 1, 1 << 50))
  assert(not pcall(table.unpack, {}, 1, 1e7))
  assert(not pcall(table.unpack, {}, math.mininteger, math.maxinteger))
  table.insert(liar, 1)
  assert(rawlen(liar) == 1 and table.remove(liar) == 1 and table.remove(liar) == nil)
  assert(table.concat(liar) == "" and table.unpack(liar) == nil)
  table.sort(liar)
end }
