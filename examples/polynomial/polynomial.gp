# polynomial fits.tsv && gnuplot -e 'data="fits.tsv"; out="fits.png"' polynomial.gp
if (!exists("data")) data = "fits.tsv"
if (!exists("out")) out = "fits.png"
set terminal pngcairo size 900,600 font ",12"
set output out
set title "Polynomials fitted to a cubic with noise"
set xlabel "x"
set ylabel "y"
set key top left
set xrange [-3:3]
set yrange [-40:40]
set grid
plot data using 1:2 with lines lw 3 lc rgb "#000000" title "truth", \
     data using 1:3 with lines lw 2 dt 2 lc rgb "#0072B2" title "degree 3, 100 samples", \
     data using 1:4 with lines lw 2 lc rgb "#E69F00" title "degree 1, 100 samples: underfits", \
     data using 1:5 with lines lw 2 lc rgb "#009E73" title "degree 19, 100 samples", \
     data using 1:6 with lines lw 2 lc rgb "#D55E00" title "degree 19, 20 samples: overfits"
