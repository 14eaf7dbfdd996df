-- outcome: killed
return { run = function() for _ = 1, math.huge do end end }
