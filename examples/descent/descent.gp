# descent paths.tsv && gnuplot -e 'data="paths.tsv"; out="paths.png"' descent.gp
if (!exists("data")) data = "paths.tsv"
if (!exists("out")) out = "paths.png"
set terminal pngcairo size 1000,700 font ",12"
set output out
array name[6] = ["gradient descent", "with noise", "momentum 0.5", "AdaGrad", "RMSProp", "Adam"]
f(x, y) = 0.05 * x**2 + y**2
set table $contours
set contour base
set cntrparam levels discrete 0.1, 0.5, 1, 2, 3, 4, 5
unset surface
set isosamples 60, 60
splot [-6:2] [-3:3] f(x, y)
unset table
unset contour
set multiplot layout 2,3 title "Sixty steps through a narrow valley, from (-5, -2)"
set xrange [-6:2]
set yrange [-3:3]
set xlabel "x"
set ylabel "y"
unset key
do for [n=1:6] {
    set title name[n]
    plot $contours using 1:2 with lines lc rgb "#999999", \
         data using 2*n:2*n+1 with linespoints lw 1.5 pt 7 ps 0.6 lc rgb "#0072B2", \
         "+" using (0):(0) every ::0::0 with points pt 2 ps 1.5 lc rgb "#D55E00"
}
unset multiplot
