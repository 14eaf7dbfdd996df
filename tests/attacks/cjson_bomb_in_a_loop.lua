-- outcome: killed
return { run = function()
  local t = {}
  for _ = 1, 27 do t = { t, t } end
  while true do pcall(cjson.encode, t) end
end }
