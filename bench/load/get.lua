-- A plain GET of the path.
function init(args)
  wrk.headers["s2-basin"] = args[1]
end
