-- outcome: killed
return { run = function() ::again:: goto again end }
