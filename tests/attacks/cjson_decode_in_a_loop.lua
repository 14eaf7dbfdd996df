-- outcome: killed
return { run = function()
  local text = "[" .. ("0,"):rep(400000) .. "0]"
  local kept = {}
  while true do kept[#kept + 1] = cjson.decode(text) end
end }
