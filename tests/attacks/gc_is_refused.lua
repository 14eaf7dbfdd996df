-- outcome: failed
-- text: may not have __gc
return { run = function() setmetatable({}, { __gc = function() end }) end }
