-- outcome: done failed killed
return { run = function()
  local text = { "a0: &a0 [x,x,x,x,x,x,x,x,x,x]" }
  for i = 1, 9 do
    local alias = ("*a%d,"):format(i - 1):rep(10)
    text[#text + 1] = ("a%d: &a%d [%s]"):format(i, i, alias:sub(1, -2))
  end
  local value, err = yaml.decode(table.concat(text, "\n"))
  assert(value == nil and err.message)
  assert(yaml.decode("a: &a [*a]") == nil)
  assert(yaml.decode(("["):rep(100000)) == nil)
  assert(yaml.decode(("- "):rep(100000)) == nil)
end }
