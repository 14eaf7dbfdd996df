-- outcome: retry
return { run = function()
  return nil, setmetatable({}, { __tostring = function() while true do end end,
                                 __index = function() while true do end end })
end }
