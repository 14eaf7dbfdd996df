-- outcome: killed
return { run = function() while true do log.info("again", { a = 1 }) end end }
