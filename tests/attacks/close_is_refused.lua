-- outcome: failed
-- text: may not have __close
return { run = function() setmetatable({}, { __close = function() end }) end }
