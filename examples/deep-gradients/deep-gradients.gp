# deep-gradients layers.tsv && gnuplot -e 'data="layers.tsv"; out="layers.png"' deep-gradients.gp
if (!exists("data")) data = "layers.tsv"
if (!exists("out")) out = "layers.png"
set terminal pngcairo size 1000,500 font ",12"
set output out
set multiplot layout 1,2 title "Twenty layers of 64 units before any training"
set logscale y
set format y "10^{%T}"
set xlabel "layer"
set grid
set key bottom left
array name[5] = ["sigmoid, Xavier", "tanh, Xavier", "ReLU, He", "ReLU, deviation 0.01", "ReLU, deviation 1"]
array colour[5] = ["#000000", "#0072B2", "#009E73", "#E69F00", "#D55E00"]
set ylabel "mean size of the activations"
plot for [n=1:5] data using 1:2*n with linespoints lw 2 pt n lc rgb colour[n] title name[n]
set ylabel "mean size of their gradients"
unset key
plot for [n=1:5] data using 1:2*n+1 with linespoints lw 2 pt n lc rgb colour[n] notitle
unset multiplot
