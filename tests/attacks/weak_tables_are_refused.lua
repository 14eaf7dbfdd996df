-- outcome: failed
-- text: may not have __mode
return { run = function() setmetatable({}, { __mode = "k" }) end }
