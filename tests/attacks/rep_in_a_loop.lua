-- outcome: killed
return { run = function() while true do local _ = ("x"):rep(1 << 20) end end }
