-- outcome: killed
return { run = function() pcall(string.gsub, "aaa", "a", function() while true do end end) end }
